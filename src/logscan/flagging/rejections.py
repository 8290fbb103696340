"""Finds rejected commands: unknown, not implemented, out of order, or with arguments that cannot be read.

Such replies (500 to 504, 521, 555) rarely concern mail. Who gets them matters: scanners try verbs that no mail
client needs, a client that is set up wrongly repeats the same wrong step, and a remote server may lack a command.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logscan.flagging.baseline import Flags
from logscan.flagging.findings import CommandRejections, FlagOptions
from logscan.flagging.negatives import Negatives, is_value
from logscan.flagging.portraits import moment, peers_of, seconds_around, totals_of
from logscan.known_peers import OWN_RELAY
from logscan.tally import Coded, group

#: RFC 5321 section 4.2.2; 521 is also what Postfix answers to BDAT where chunking is off.
_CODES = (500, 501, 502, 503, 504, 521, 555)
#: Restrictions of Postfix on names and addresses use 501 and 504 too: rules about arguments, not about commands.
_RULE = "(?i)(?:client host|helo command|sender address|recipient address) rejected"
#: What sending mail needs. Whoever tries other verbs looks for something else.
_MAIL_COMMANDS = (
    "HELO", "EHLO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "EOD", "RSET", "NOOP", "QUIT",
)  # fmt: skip

_SCANNER, _CLIENT, _SERVER = "scanner", "misconfigured client", "remote server"


def find_rejections(
    refused: Negatives, options: FlagOptions, own: Collection[str] = ()
) -> list[CommandRejections]:
    """The rejected commands among the negative replies by direction, command and code, most frequent first.

    ``own`` are names and addresses of the site's own relays.
    """
    refused = refused.where(is_value(refused.cause, "command") & np.isin(refused.code, _CODES))
    if not len(refused):
        return []
    ruled = pc.fill_null(pc.match_substring_regex(refused.text("text"), _RULE), False)
    refused = refused.where(~ruled.to_numpy(zero_copy_only=False))
    command = refused.column("command")
    code = Coded((refused.code - _CODES[0]).astype(np.int32), pa.array(range(_CODES[0], _CODES[-1] + 1)))
    groups = group([refused.direction, command, code], refused.count)
    probing = _is_probing(refused, command)
    found = [
        _describe(refused.where(members), probing[members], options, own)
        for members in (np.flatnonzero(groups.numbers == number) for number in range(len(groups.totals)))
    ]
    return sorted(found, key=lambda flag: (-flag.count, flag.start, flag.code, flag.command or ""))


def _is_probing(refused: Negatives, command: Coded) -> Flags:
    """Which replies went to clients that try verbs mail does not need and whose mail was never accepted."""
    client = refused.column("peer_ip")
    odd = ~is_value(command, *_MAIL_COMMANDS) & (command.codes >= 0)
    probing = np.isin(client.codes, client.codes[odd])
    log = refused.log
    accepted = log.text(
        "peer_ip",
        np.flatnonzero((log.codes == 250) & log.holds("direction", "inbound") & log.holds("command", "EOD")),
    )
    known = pc.is_in(client.values, value_set=accepted).to_numpy(zero_copy_only=False)
    flags: Flags = probing & ~np.append(known, False)[client.codes]
    return flags


def _describe(
    refused: Negatives, probing: Flags, options: FlagOptions, own: Collection[str]
) -> CommandRejections:
    start, end = seconds_around(refused)
    count = int(refused.count.sum())
    peers, distinct = peers_of(refused, options.peers)
    is_own = is_value(refused.column("peer_ip"), *own) | is_value(refused.column("peer_name"), *own)
    if refused.count[is_own].sum() * 2 >= count:
        culprit = OWN_RELAY
    elif refused.way == "outbound":
        culprit = _SERVER
    else:
        culprit = _SCANNER if refused.count[probing].sum() * 2 >= count else _CLIENT
    return CommandRejections(
        code=int(refused.code[0]),
        command=next(iter(totals_of(refused.column("command"), refused.count)), None),
        direction=refused.way,
        count=count,
        basis=next(iter(totals_of(refused.column("basis"), refused.count))),
        start=moment(start),
        end=moment(end),
        culprit=culprit,
        peers=peers,
        distinct_peers=distinct,
        causes=totals_of(refused.cause, refused.count),
    )
