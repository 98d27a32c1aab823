"""The revenue of an invoice line that sold prepaid credits, while the line is corrected."""

from dataclasses import dataclass, replace
from datetime import date

from domain.books import Books, Grant
from domain.corrected import Remainder
from domain.keys import derived
from domain.money import round_ratio
from domain.prepaid import earned


@dataclass(frozen=True, slots=True)
class Granted:
    """Revenue that is earned as credits are used: paid x used / granted."""

    books: Books
    grant: Grant
    of: Remainder
    on: date

    def earned(self) -> int:
        return self.grant.earned_minor

    def take(self, net_minor: int) -> int:
        """The credits cost less; how many there are stays. Those that cost nothing any more are withdrawn."""
        grant = self.grant
        earned_minor = round_ratio(net_minor * grant.earned_minor, grant.paid_minor) if grant.paid_minor else 0
        grant.paid_minor -= net_minor
        grant.earned_minor -= earned_minor
        grant.closed = grant.closed or grant.paid_minor == 0
        self._touch()
        return earned_minor

    def stop(self, net_minor: int) -> None:
        """Credits that are not paid for are withdrawn: in proportion, so that those used cost what they did."""
        grant = self.grant
        to_come = grant.paid_minor - grant.earned_minor
        if net_minor:
            unused = grant.granted_minor - grant.used_minor
            grant.granted_minor = grant.used_minor + round_ratio(unused * (to_come - net_minor), to_come)
            grant.paid_minor -= net_minor
            self._touch()

    def undone(self, since: date) -> int:
        return self.of.net_minor - self.grant.paid_minor

    def give(self, net_minor: int, since: date, ended_on: date | None) -> int:
        """Credits that are paid for late are there again, unless they have expired: then they are earned."""
        grant = self.grant
        if grant.closed or (grant.expires_on is not None and self.on > grant.expires_on):
            grant.paid_minor += net_minor
            grant.earned_minor += net_minor
            self._touch()
            return net_minor
        priced = grant.paid_minor > 0
        grant.granted_minor += round_ratio(net_minor * grant.granted_minor, grant.paid_minor) if priced else net_minor
        grant.paid_minor += net_minor
        self._touch()
        return 0

    def _touch(self) -> None:
        self.books.touched.add(("grants", self.grant.id))
        expired = self.books.schedules.get(derived("sch", self.grant.id, "left"))
        if expired is not None:
            # What was left when the credits expired is all earned; it costs what the credits cost now.
            left_minor = self.grant.paid_minor - earned(self.grant, self.grant.used_minor)
            self.books.schedules[expired.id] = replace(expired, amount_minor=left_minor, recognized_minor=left_minor)
