"""Money is set aside before it is spent: the budget holds however many calls run at once."""

import logging
from dataclasses import dataclass
from decimal import Decimal

from core.errors import BudgetError, StorageError
from core.phrases import Phrase
from core.store.calls import PlannedCall
from core.store.ledger import Ledger

_log = logging.getLogger(__name__)


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
        """Set aside the most that a call can cost.

        Raises:
            BudgetError: If the budget would be passed, or cannot be kept because the model's
                price is unknown (`most_usd` is None).
            StorageError: If there is a budget and the disk does not take the reservation.
        """
        if most_usd is None and self._cap_usd is not None:
            raise BudgetError(
                Phrase(
                    "The price of {model} is not known, so the budget cannot be kept. Add its "
                    "price to the catalogue, or unset TESSERA_BUDGET_USD.",
                    {"model": planned.model},
                )
            )
        try:
            self._ledger.reserve(reservation_id, planned, most_usd or Decimal(0), self._cap_usd)
        except StorageError:
            if self._cap_usd is not None:
                raise  # a budget that cannot be written cannot be kept
            _log.warning("call_not_reserved", exc_info=True)

    def state(self) -> BudgetState:
        """Return what was spent, what open calls hold and what is left."""
        spending = self._ledger.spending()
        cap_usd = self._cap_usd
        left_usd = None
        if cap_usd is not None:
            left_usd = max(cap_usd - spending.spent_usd - spending.reserved_usd, Decimal(0))
        return BudgetState(spending.spent_usd, spending.reserved_usd, cap_usd, left_usd)
