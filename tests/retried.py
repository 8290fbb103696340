"""A message that is put off and delivered later, and a refusal, as Postfix logs them."""

PUT_OFF = """\
2026-11-22T10:00:00+00:00 mx1 postfix/cleanup[9]: 4BX7KC0MTN: message-id=<m1@example.com>
2026-11-22T10:00:01+00:00 mx1 postfix/qmgr[8]: 4BX7KC0MTN: from=<a@example.com>, size=4711, nrcpt=1 (queue active)
2026-11-22T10:05:00+00:00 mx1 postfix/smtp[11]: 4BX7KC0MTN: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=4.7.0, status=deferred (host mx.example.net[192.0.2.7] said: 421 4.7.0 Slow down (in reply to MAIL FROM command))
"""
DELIVERED = """\
2026-11-22T23:59:00+00:00 mx1 postfix/smtp[11]: 4BX7KC0MTN: to=<b@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=1, delays=0.1/0/0.4/0.5, dsn=2.0.0, status=sent (250 2.0.0 Ok)
"""
REFUSED = """\
2026-11-23T00:02:00+00:00 mx1 postfix/smtpd[10]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.com> to=<x@example.org> proto=ESMTP helo=<pc>
"""
