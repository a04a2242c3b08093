"""When a schedule comes round: cron expressions in time zones (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

FIELDS = "minute, hour, day of month, month, day of week"
# More than the hour that a clock is put back has of minutes.
_REPEATED = 200


class BadSchedule(ValueError):
    """It is not an expression of five fields, or comes round never."""


class UnknownZone(ValueError):
    """No time zone has this name."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression of five fields and the zone whose clocks it is about.

    When clocks are put forward, a time of the day that is left out comes when they have been;
    when they are put back, a time that comes twice is the first of them. What recurs by the
    hour or the minute goes on as if nothing were.
    """

    expression: str
    zone: str | None = None
    """An IANA name; None is UTC."""

    def next_after(self, now: datetime) -> datetime | None:
        """Return the next time after `now`, in UTC; None when there is none for fifty years.

        Raises BadSchedule or UnknownZone.
        """
        for slot in islice(self._slots(now.astimezone(_zone(self.zone))), _REPEATED):
            # Of an hour that comes twice, the times of the first may lie behind.
            if (found := slot.astimezone(UTC)) > now:
                return found
        return None

    def _slots(self, start: datetime) -> CronSim:
        if len(self.expression.split()) != len(FIELDS.split(", ")):
            raise BadSchedule(f"must be a cron expression of five fields: {FIELDS}")
        try:
            return CronSim(self.expression, start)
        except CronSimError as exc:
            raise BadSchedule(f"is not a schedule: {exc} ({FIELDS})") from exc


def checked(expression: str, zone: str | None, *, now: datetime) -> datetime:
    """Return when a schedule comes round first; raises BadSchedule or UnknownZone."""
    first = Schedule(expression, zone).next_after(now)
    if first is None:
        raise BadSchedule("names a date that does not come in the next fifty years")
    return first


def _zone(name: str | None) -> tzinfo:
    if name is None or name == "UTC":
        return UTC
    # Names are looked up before files: one with dots or slashes is a path.
    if name not in _names():
        raise UnknownZone(f"{name!r} is no time zone; give an IANA name such as Europe/Vienna")
    return ZoneInfo(name)


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())
