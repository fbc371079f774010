"""What several proxies share. It needs torch."""
