"""Tables of trained architectures: a protocol can look an accuracy up instead of training. One file per source format;
`base` holds the table that is looked up in, `parts` what the formats share."""
