"""What several spaces share: the types of networks, genotypes and layer shapes, operations and blocks, CPU code."""
