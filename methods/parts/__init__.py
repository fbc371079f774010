"""What several methods share: steps of shared weights, architecture parameters and gradients, controller, costs."""
