"""What every training uses: augmentation and optimizers."""
