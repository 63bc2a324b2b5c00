"""Is it right? Oracle, limits, checks, and the isolated runs that judge a softmax."""
