"""Money is set aside before it is spent: the budget holds however many calls run at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from core.errors import BudgetError
from core.phrases import Phrase
from core.store.calls import Hold, PlannedCall
from core.store.ledger import Ledger
from core.store.transactions import writing


@dataclass(frozen=True, slots=True)
class BudgetState:
    """The budget and what is left of it, in USD; None without a budget."""

    spent_usd: Decimal
    reserved_usd: Decimal
    cap_usd: Decimal | None
    left_usd: Decimal | None


class Budget:
    """The limit on everything that the ledger of a data directory counts, from every front end."""

    def __init__(self, ledger: Ledger, cap_usd: Decimal | None) -> None:
        self._ledger = ledger
        self._cap_usd = cap_usd

    def reserve(self, reservation_id: str, planned: PlannedCall, most_usd: Decimal | None) -> None:
        """Do `reserve_in` in a transaction of its own.

        Raises:
            BudgetError: As there.
            StorageError: If the disk does not take it.
        """
        with writing(self._ledger.database) as connection:
            self.reserve_in(connection, reservation_id, planned, most_usd)

    def reserve_in(
        self,
        connection: Connection,
        reservation_id: str,
        planned: PlannedCall,
        most_usd: Decimal | None,
        purse_cap_usd: Decimal | None = None,
    ) -> None:
        """Set aside the most that a call can cost.

        Args:
            connection: A transaction from `writing`.
            reservation_id: New, from the caller.
            planned: The call.
            most_usd: None if the price is not known.
            purse_cap_usd: The budget of the batch that it belongs to, if that has one.

        Raises:
            BudgetError: If a budget would be passed, or cannot be kept because the model's price
                is unknown.
        """
        self._ledger.reserve_in(
            connection,
            reservation_id,
            planned,
            self.amount_usd(planned, most_usd, purse_cap_usd),
            self._cap_usd,
        )

    def hold_in(self, connection: Connection, owner: str, holds: Sequence[Hold]) -> None:
        """Set money aside for many calls, for all or none, in the name of `owner`.

        Raises:
            BudgetError: If a budget would be passed.
        """
        self._ledger.hold_in(connection, owner, holds, self._cap_usd)

    def amount_usd(
        self, planned: PlannedCall, most_usd: Decimal | None, purse_cap_usd: Decimal | None
    ) -> Decimal:
        """Return what is to be set aside for a call that costs `most_usd` at most.

        Raises:
            BudgetError: If the price is not known and a budget has to be kept.
        """
        if most_usd is not None:
            return most_usd
        if self._cap_usd is None and purse_cap_usd is None:
            return Decimal(0)
        raise BudgetError(
            Phrase(
                "The price of {model} is not known, so the budget cannot be kept. Add its "
                "price to the catalogue, or set no budget.",
                {"model": planned.model},
            )
        )

    @property
    def is_limited(self) -> bool:
        """Say whether there is a budget that every reservation has to keep."""
        return self._cap_usd is not None

    def state(self) -> BudgetState:
        """Return what was spent, what open calls hold and what is left."""
        spending = self._ledger.spending()
        cap_usd = self._cap_usd
        left_usd = None
        if cap_usd is not None:
            left_usd = max(cap_usd - spending.spent_usd - spending.reserved_usd, Decimal(0))
        return BudgetState(spending.spent_usd, spending.reserved_usd, cap_usd, left_usd)
