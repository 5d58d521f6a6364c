"""Use cases: have images made again, in bulk, without anybody noticing until they are better."""
