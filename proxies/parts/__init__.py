"""What several proxies share. All but `shared` needs torch."""
