"""Requirements and limits as data, and their loader."""

from certsuite.catalogue.loader import Catalogue, Plan, Requirement, load_catalogue

__all__ = ["Catalogue", "Plan", "Requirement", "load_catalogue"]
