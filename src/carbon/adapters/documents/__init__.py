"""Documents for people: monitoring report, retirement certificate, verification statement.

Each takes the plain values that are published and a language, and returns the bytes of a page or
of a PDF: same values, same bytes. A document proves nothing; the log does, and each says where.
"""
