"""The wordings of the instruction types, a module for each type."""
