"""Zero-cost proxies: the score of a network that has not been trained."""
