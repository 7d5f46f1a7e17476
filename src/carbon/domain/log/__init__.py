"""The transparency log's formats: leaves, Merkle tree, tiles, signed notes, checkpoints, proofs."""
