"""What tokens cost: a table that people keep, as series."""
