"""``df.smtp``: what logscan knows about a DataFrame of replies, as pandas accessor.

``logscan.read`` registers it; for a DataFrame from elsewhere, such as a Parquet file, import this module.

Replies are counted as in reports: those on the wire (``logged`` or ``inferred``, with a code), each as often as
``count`` says. Attempts that ended without a reply, repeated and withheld replies are not among them.

>>> import logscan, logscan.accessor
>>> replies = logscan.read("sample_logs/postfix.log")
>>> len(replies.smtp.flags())
5
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from logscan.causes import cause_info
from logscan.codes.catalogue import Explanation, explain, name_of
from logscan.errors import UsageError
from logscan.flagging.flags import Flag, find_flags
from logscan.frame import from_pandas, to_pandas, unindexed
from logscan.reasons import fold
from logscan.reporting import Report, report
from logscan.schema import WIRE
from logscan.summary import REPORT_COLUMNS

if TYPE_CHECKING:
    from logscan.plots import Plots

#: Without these there is nothing to count.
_COUNTED = ("basis", "code", "enhanced", "count")

_UTC = pd.DatetimeTZDtype("s", "UTC")
#: Columns of ``flags`` and their types.
_FLAG_DTYPES: dict[str, Any] = {
    "kind": "category",
    "start": _UTC,
    "end": _UTC,
    "direction": "category",
    "code": "Int16",
    "command": "category",
    "cause": "category",
    "count": "int64",
    "expected": "Float64",
    "distinct_peers": "int64",
    "peer": "string[pyarrow]",
    "messages": "Int64",
    "delivered_later": "Int64",
    "median_delay_s": "Int64",
}


@pd.api.extensions.register_dataframe_accessor("smtp")
class SmtpAccessor:
    """Counts, flags, explanations and reports of the replies in a DataFrame, whole or filtered.

    Methods raise UsageError if a column that they need is missing.

    >>> import logscan
    >>> replies = logscan.read("sample_logs/postfix.log")
    >>> replies[replies["direction"] == "outbound"].smtp.report().summary.replies
    138
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = unindexed(frame)
        missing = [name for name in _COUNTED if name not in self._frame.columns]
        if missing:
            # pandas wants AttributeError, so that the accessor does not exist for other frames.
            raise AttributeError(
                f".smtp is for replies as logscan.read gives them; this has no column {', '.join(missing)}"
            )

    def flags(self) -> pd.DataFrame:
        """What an administrator should look at, as in reports: a row for each flag; times in UTC, end excluded.

        ``peer`` is the heaviest of ``distinct_peers``. ``expected`` is what the rest of the log lets expect in
        this time; ``messages`` were held up, ``delivered_later`` of them passed after ``median_delay_s`` seconds.
        These are known for spikes only.

        >>> import logscan
        >>> logscan.read("sample_logs/postfix.log").smtp.flags()[["kind", "direction", "code", "count"]]
                         kind direction  code  count
        0               spike   inbound   450     19
        1               spike   inbound   421     15
        2               spike  outbound   421     46
        3  command-rejections   inbound   502     20
        4  command-rejections   inbound   500      7
        """
        rows = [_flag_row(flag) for flag in find_flags(self._table(*REPORT_COLUMNS))]
        return pd.DataFrame(rows, columns=list(_FLAG_DTYPES)).astype(_FLAG_DTYPES)

    def by_code(self) -> pd.DataFrame:
        """Replies by direction, reply code and enhanced status code, most frequent first.

        ``inferred`` of the ``replies`` do not stand in the log: a line proves them.

        >>> import logscan
        >>> codes = logscan.read("sample_logs/postfix.log").smtp.by_code()
        >>> int(codes.groupby("code")["replies"].sum()[421])
        75
        """
        found = _counts(self._wire("direction"), "direction", "code", "enhanced")
        code = found["code"].astype(object).where(found["code"].notna(), found["enhanced"])
        found.insert(3, "name", pd.Series(code.map(name_of), dtype="string[pyarrow]"))
        return found

    def by_cause(self) -> pd.DataFrame:
        """Negative replies (4xx, 5xx) by direction and cause, most frequent first; ``inferred`` as in ``by_code``.

        >>> import logscan
        >>> logscan.read("sample_logs/postfix.log").smtp.by_cause().head(2)
          direction       cause             label  replies  inferred
        0  outbound  rate_limit        Rate limit       52         0
        1   inbound     command  Command rejected       28        27
        """
        wire = self._wire("direction", "cause").dropna(subset="cause")
        found = _counts(wire, "direction", "cause")
        labels = [cause_info(cause).label for cause in found["cause"]]
        found.insert(2, "label", pd.Series(labels, dtype="string[pyarrow]"))
        return found

    def timeline(self, freq: str = "1h", by: str = "code") -> pd.DataFrame:
        """Replies per step of time: a row for each step from first to last, a column for each value of ``by``.

        ``freq`` is a step as pandas names it ("15min", "1D"), in the zone of the column ``time``. ``by`` is any
        column; replies without a value or a time are left out. By ``code``, replies of which the log tells only
        the enhanced code stand under that. The most frequent value comes first.

        >>> import logscan
        >>> logscan.read("sample_logs/postfix.log").smtp.timeline("6h", by="direction")
        direction                  outbound  inbound
        time
        2026-11-17 00:00:00+00:00         8        8
        2026-11-17 06:00:00+00:00        21       51
        2026-11-17 12:00:00+00:00        98       58
        2026-11-17 18:00:00+00:00        11       14
        """
        wire = self._wire("time", by)
        label = wire[by].astype(object)
        if by == "code":
            label = label.where(label.notna(), wire["enhanced"])
        totals = wire["count"].groupby(label).sum().sort_values(ascending=False, kind="stable")
        zone = getattr(self._frame["time"].dtype, "tz", None) or "UTC"
        counted = pd.DataFrame(
            {
                "time": wire["time"].dt.tz_convert(zone),
                by: pd.Categorical(label, categories=totals.index),
                "count": wire["count"].astype("int64"),
            }
        ).dropna()
        table = counted.pivot_table(
            index=pd.Grouper(key="time", freq=freq),
            columns=by,
            values="count",
            aggfunc="sum",
            fill_value=0,
            observed=True,
        )
        table.columns = pd.Index(list(table.columns), name=by)
        return table.asfreq(freq, fill_value=0)

    def explain(self, code: int | str, *, lang: str = "en") -> Explanation:
        """What ``code`` means, with the likely cause of the text that came with it most often in this frame.

        The advice is for the direction of these replies, if all have the same. See ``logscan.explain``.

        >>> import logscan
        >>> logscan.read("sample_logs/postfix.log").smtp.explain(535).cause.label
        'Login problem'
        """
        value = explain(code, lang=lang).code
        wire = self._wire("direction", "text")
        meant = wire[wire["code" if isinstance(value, int) else "enhanced"] == value]
        told = meant.dropna(subset="text")
        reply = None
        if len(told):
            kind = fold(pa.array(told["text"])).to_pandas().to_numpy()
            reply = told[kind == told.groupby(kind)["count"].sum().idxmax()]["text"].iloc[0]
        directions = meant["direction"].dropna().unique()
        direction = str(directions[0]) if len(directions) == 1 else None
        return explain(code, reply=reply, direction=direction, lang=lang)

    def report(self, **options: Any) -> Report:
        """The report on these replies; ``options`` as for ``logscan.report``.

        >>> import logscan
        >>> replies = logscan.read("sample_logs/postfix.log")
        >>> len(replies.smtp.report(top=3).flags)
        5
        """
        return report(self._frame, **options)

    def plot(self, **options: Any) -> Plots:
        """The report's plots: matplotlib figures by name, which notebooks show; ``options`` as for ``report``.

        >>> import logscan
        >>> list(logscan.read("sample_logs/postfix.log").smtp.plot())
        ['replies', 'causes', 'delays']
        """
        return self.report(**options).plot()

    def _table(self, *columns: str) -> pa.Table:
        missing = [name for name in columns if name not in self._frame.columns]
        if missing:
            raise UsageError(f"the DataFrame has no column {', '.join(missing)}")
        return from_pandas(self._frame, columns)

    def _wire(self, *columns: str) -> pd.DataFrame:
        """Replies on the wire, with ``columns`` and those that tell and count them."""
        table = self._table(*_COUNTED, *columns)
        replied = pc.or_(table["code"].is_valid(), table["enhanced"].is_valid())
        sent = pc.is_in(table["basis"].cast(pa.string()), pa.array(WIRE))
        return to_pandas(table.filter(pc.and_(replied, sent)))


def _counts(wire: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Replies, and the inferred ones among them, by ``keys``."""
    count = wire["count"].astype("int64")
    counted = wire.assign(replies=count, inferred=count.where(wire["basis"] == "inferred", 0))
    sums = counted.groupby(list(keys), dropna=False, observed=True)[["replies", "inferred"]].sum()
    return sums.sort_values("replies", ascending=False, kind="stable").reset_index()


def _flag_row(flag: Flag) -> dict[str, Any]:
    fields = flag.to_dict()
    first = flag.peers[0] if flag.peers else None
    peer = first and (first.name or first.ip)
    # Of rejected commands the cause goes without saying.
    return {"cause": "command", **fields, **fields.get("outcome", {}), "peer": peer}
