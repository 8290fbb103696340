"""The replies table: every column, its type and its meaning.

One row is one SMTP reply (RFC 5321 section 4.2) that the log shows or implies, or one delivery
attempt that ended without any reply.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

_WORD = pa.dictionary(pa.int32(), pa.string())

COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("time", pa.timestamp("us", tz="UTC"), "When the line was logged."),
    ("host", _WORD, "The logging host; null where the log names none."),
    ("parser", _WORD, "The parser that read the line."),
    ("service", _WORD, "The syslog tag as logged; main or reject for Exim's files; null in transcripts."),
    ("direction", _WORD, "inbound: this server answered a client; outbound: a remote server answered it."),
    ("session", pa.string(), "Session id where the log has one."),
    ("queue_id", pa.string(), "Postfix queue id or Exim message id; null for NOQUEUE."),
    ("command", _WORD, "The command answered; CONNECT is the greeting, EOD the final dot of DATA."),
    ("code", pa.int16(), "Reply code (RFC 5321 section 4.2.1); null where there was none."),
    ("enhanced", pa.string(), "Enhanced status code (RFC 3463), such as 4.7.0; null if none."),
    ("text", pa.string(), "Reply text after the codes; lines joined by one space, repeated codes removed."),
    ("basis", _WORD, "logged, inferred, repeated or withheld."),
    ("rule", _WORD, "The rule that made the row."),
    ("count", pa.int32(), "How many replies the row stands for."),
    ("status", _WORD, "sent, deferred, bounced, expired, rejected, …; null if the line tells no outcome."),
    ("cause", _WORD, "Why the reply was negative; null for 2xx and 3xx."),
    ("peer_name", pa.string(), "The other end's name."),
    ("peer_ip", pa.string(), "The other end's address."),
    ("peer_port", pa.int32(), "The other end's port."),
    ("sender", pa.string(), "Envelope sender without <>; empty for the null sender, null if unknown."),
    ("recipient", pa.string(), "Envelope recipient without <>."),
    ("helo", pa.string(), "The name the client gave in HELO, EHLO or LHLO."),
    ("sasl_username", pa.string(), "The user that logged in."),
    ("message_id", pa.string(), "The Message-ID header."),
    ("size", pa.int64(), "Message size in bytes."),
    ("delay", pa.float64(), "Delivery delay in seconds, as logged."),
    ("source", _WORD, "The file, as its path was given; - for standard input."),
    ("line", pa.int64(), "1-based number of the line in that source."),
)

#: Version of the columns and their meanings, in the metadata of Parquet and Arrow files.
SCHEMA_VERSION = 1

SCHEMA = pa.schema([pa.field(name, type_) for name, type_, _ in COLUMNS])

#: Columns that reports may ask for besides: what ``delay`` is made up of, in seconds.
REPORT_ONLY = pa.schema(
    [
        pa.field(f"delay_{stage}", pa.float64())
        for stage in ("before_attempt", "in_queue", "connecting", "sending")
    ]
)


def read_schema(wanted: Iterable[str] | None) -> pa.Schema:
    """SCHEMA, and what is wanted of REPORT_ONLY."""
    return pa.schema([*SCHEMA, *(field for field in REPORT_ONLY if field.name in set(wanted or ()))])


#: Rows with one of these in ``basis`` were on the wire; the others repeat or withhold a reply.
WIRE = ("logged", "inferred")
