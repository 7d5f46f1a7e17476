"""Verify: from an assignment over a drawn sample and its findings to a signed statement.

Nobody steers the sample: verifier and bureau each commit to a nonce before the report exists, and
the seed joins both with the first checkpoint that includes the report (TRUST V3).
"""
