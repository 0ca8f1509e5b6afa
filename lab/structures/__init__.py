"""Account structures: the same people with several markets in one cross account, in isolated positions, or in an account for each."""
