"""What is known about each model: prices, token rules, parameters, limits, dates."""
