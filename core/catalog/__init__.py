"""What is known about each model: prices, image rules, limits, parameters, dates and sources.

Light on purpose: decoder processes import the rules through this package.
"""

from core.catalog.files import USER_MODELS, load_catalog, remove_user_model, save_user_model
from core.catalog.models import Catalog, ModelCard, Origin, RuleBasis, TemperatureRule
from core.catalog.rules import ImageRule

__all__ = [
    "USER_MODELS",
    "Catalog",
    "ImageRule",
    "ModelCard",
    "Origin",
    "RuleBasis",
    "TemperatureRule",
    "load_catalog",
    "remove_user_model",
    "save_user_model",
]
