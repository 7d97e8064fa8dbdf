"""Is one method better at nearly every quantile of its seeds?"""
