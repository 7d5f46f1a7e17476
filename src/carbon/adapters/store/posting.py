"""What makes the database itself keep the counters of accounts: triggers on what moves them.

PostgreSQL: one statement posts all its transfers at once, accounts locked in the order of their
numbers, with the rights of the schema's owner, since the application has none to change an account.
Plans are kept for a session and must serve one row as well as a thousand: without hash and merge
joins they look accounts up, and never read whole tables. SQLite posts a journal when its last line
is there, and its guard of accounts admits nothing but that: each complete journal counts once, in
order.
"""

from __future__ import annotations

from collections.abc import Iterator

from carbon.domain.ledger.account import Policy

#: SQLSTATE of an entry that is not sound; 23514 is left to the checks of balances.
UNSOUND = "23000"
#: What a refusal names, as if it were a constraint, on both engines.
LINES, MIRROR, HOLD_TIME = "ck_transfer_lines", "ck_reversal_mirror", "ck_hold_end_time"
SIDES = "fk_transfer_asset"

POLICIES = ", ".join(f"'{policy}'" for policy in Policy)

_HEAD = """RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off"""


def _refusal(name: str, said: str) -> str:
    return f"RAISE EXCEPTION '{said}' USING ERRCODE = '{UNSOUND}', CONSTRAINT = '{name}'"


def _own(table: str) -> str:
    """Whoever may make a table of their own must not have its rows posted."""
    return f"""IF TG_RELID <> 'public.{table}'::regclass THEN
    RAISE EXCEPTION 'not the ledger' USING ERRCODE = '{UNSOUND}';
  END IF;"""


def _held(sign: str, rows: str) -> str:
    """Change what accounts hold for others by the amounts of some rows (dr, amount)."""
    return f"""WITH sides AS (
    SELECT dr AS id, sum(amount)::bigint AS amount FROM {rows} GROUP BY dr
  ), locked AS (
    SELECT id, s.amount FROM sides AS s JOIN public.account USING (id)
    ORDER BY id FOR NO KEY UPDATE OF account
  )
  UPDATE public.account AS a SET held = a.held {sign} s.amount
    FROM locked AS s WHERE a.id = s.id;"""


_NOT_WHOLE = _refusal(LINES, "a journal comes with all its lines at once")
_ENDED = "(SELECT h.dr, h.amount FROM added JOIN public.hold AS h ON h.id = added.hold) AS rows"

_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION carbon_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.debits, NEW.credits, NEW.held, NEW.last_journal) <> (0, 0, 0, 0)
     OR NEW.policy NOT IN ({POLICIES}) THEN
    {_refusal("ck_account_open", "an account opens empty, under a known policy")};
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION carbon_post() {_HEAD} AS $$
DECLARE
  one record;
BEGIN
  {_own("transfer")}
  SELECT count(*) AS rows, min(journal) AS journal, min(line) AS line, min(dr) AS dr,
    min(cr) AS cr, min(amount) AS amount INTO one FROM added;
  IF one.rows = 1 THEN
    -- Most statements have one row: it is posted without adding up, lower number first.
    UPDATE public.account SET debits = debits + CASE id WHEN one.dr THEN one.amount ELSE 0 END,
        credits = credits + CASE id WHEN one.cr THEN one.amount ELSE 0 END
      WHERE id = ANY (ARRAY[least(one.dr, one.cr), greatest(one.dr, one.cr)]) AND EXISTS (
        SELECT FROM public.journal
        WHERE id = one.journal AND lines = 1 AND one.line = 0 AND fact_seq IS NULL
      );
    IF NOT FOUND THEN
      {_NOT_WHOLE};
    END IF;
    RETURN NULL;
  END IF;
  IF EXISTS (
    SELECT FROM (
      SELECT journal, count(*) AS lines, max(line) AS last FROM added GROUP BY journal
    ) AS a LEFT JOIN public.journal AS j ON j.id = a.journal
    WHERE j.id IS NULL OR j.fact_seq IS NOT NULL OR (a.lines, a.last + 1) <> (j.lines, j.lines)
  ) THEN
    {_NOT_WHOLE};
  END IF;
  WITH sides AS (
    SELECT id, sum(debit)::bigint AS debits, sum(credit)::bigint AS credits
    FROM (
      SELECT dr AS id, amount AS debit, 0 AS credit FROM added
      UNION ALL SELECT cr, 0, amount FROM added
    ) AS each GROUP BY id
  ), locked AS (
    SELECT id, s.debits, s.credits FROM sides AS s JOIN public.account USING (id)
    ORDER BY id FOR NO KEY UPDATE OF account
  )
  UPDATE public.account AS a SET debits = a.debits + s.debits, credits = a.credits + s.credits
    FROM locked AS s WHERE a.id = s.id;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION carbon_mirror() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM public.journal WHERE id = NEW.journal AND fact_seq IS NOT NULL)
     OR EXISTS (SELECT FROM public.reversal WHERE journal = NEW.reverses)
     OR NOT EXISTS (SELECT FROM public.transfer WHERE journal = NEW.journal)
     OR EXISTS (
       SELECT FROM (SELECT * FROM public.transfer WHERE journal = NEW.journal) AS t
       FULL JOIN (SELECT * FROM public.transfer WHERE journal = NEW.reverses) AS o USING (line)
       WHERE (t.dr, t.cr, t.amount) IS DISTINCT FROM (o.cr, o.dr, o.amount)
     ) THEN
    {_refusal(MIRROR, "a reversal mirrors a journal line by line")};
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION carbon_hold() {_HEAD} AS $$
BEGIN
  {_own("hold")}
  {_held("+", "added")}
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION carbon_end_hold() {_HEAD} AS $$
BEGIN
  {_own("hold_end")}
  IF EXISTS (
    SELECT FROM added AS e JOIN public.hold AS h ON h.id = e.hold
    WHERE CASE e.outcome WHEN 'posted' THEN e.recorded_at >= h.expires_at
      WHEN 'expired' THEN e.recorded_at < h.expires_at END
  ) THEN
    {_refusal(HOLD_TIME, "a hold is used before it expires, and expires after")};
  END IF;
  {_held("-", _ENDED)}
  RETURN NULL;
END $$;
"""

#: Trigger by table: name, function, and when it fires.
_TRIGGERS = {
    "account": ("open_empty", "carbon_open", "BEFORE INSERT ON account FOR EACH ROW"),
    "reversal": ("mirror", "carbon_mirror", "AFTER INSERT ON reversal FOR EACH ROW"),
    **{
        table: (
            "post",
            function,
            f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS added FOR EACH STATEMENT",
        )
        for table, function in (
            ("transfer", "carbon_post"),
            ("hold", "carbon_hold"),
            ("hold_end", "carbon_end_hold"),
        )
    },
}


def postgresql_functions() -> str:
    """The trigger functions, for a migration."""
    return _FUNCTIONS


def postgresql_triggers(table: str) -> Iterator[tuple[str, str, str]]:
    """Of a table: each trigger's name, its function's name, and its definition."""
    if table in _TRIGGERS:
        name, function, when = _TRIGGERS[table]
        yield name, function, f"CREATE TRIGGER {name} {when} EXECUTE FUNCTION {function}()"


# --- SQLite ---------------------------------------------------------------------------------------

_LINE_COUNT = "(SELECT lines FROM journal WHERE id = NEW.{})"

#: When an account may change. Either its counters follow from a journal that is complete and that
#: it was not moved by yet, or what it holds for others is now what its open holds add up to.
COUNTED = f"""NEW.id = OLD.id AND NEW.asset = OLD.asset AND NEW.code = OLD.code
  AND NEW.policy = OLD.policy AND NEW.opened_at = OLD.opened_at
  AND CASE WHEN NEW.held = OLD.held THEN
    NEW.last_journal > OLD.last_journal AND (
      SELECT count(*) = {_LINE_COUNT.format("last_journal")}
        AND sum(CASE dr WHEN NEW.id THEN amount ELSE 0 END) = NEW.debits - OLD.debits
        AND sum(CASE cr WHEN NEW.id THEN amount ELSE 0 END) = NEW.credits - OLD.credits
      FROM transfer WHERE journal = NEW.last_journal
    )
  ELSE
    (NEW.debits, NEW.credits, NEW.last_journal) = (OLD.debits, OLD.credits, OLD.last_journal)
    AND NEW.held = (
      SELECT coalesce(sum(amount), 0) FROM hold
      WHERE dr = NEW.id AND NOT EXISTS (SELECT 1 FROM hold_end WHERE hold_end.hold = hold.id)
    )
  END"""


def _abort(name: str) -> str:
    return f"SELECT RAISE(ABORT, '{name}')"


def _same_asset(side: str) -> str:
    return f"EXISTS (SELECT 1 FROM account WHERE id = NEW.{side} AND asset = NEW.asset)"


_SIDES = f"{_same_asset('dr')} AND {_same_asset('cr')}"
_IN_ORDER = """EXISTS (SELECT 1 FROM journal WHERE id = NEW.journal AND lines > NEW.line)
  AND (NEW.line = 0
    OR EXISTS (SELECT 1 FROM transfer WHERE journal = NEW.journal AND line = NEW.line - 1))"""
_OF_NEW = "FROM transfer WHERE journal = NEW.journal"
_OTHERS = """SELECT 1 FROM transfer AS t WHERE t.journal = NEW.{own} AND NOT EXISTS (
    SELECT 1 FROM transfer AS o WHERE o.journal = NEW.{other} AND o.line = t.line
    AND o.dr = t.cr AND o.cr = t.dr AND o.amount = t.amount)"""

_SQLITE = {
    "account": (
        f"""CREATE TRIGGER account_open BEFORE INSERT ON account
WHEN (NEW.debits, NEW.credits, NEW.held, NEW.last_journal) <> (0, 0, 0, 0)
  OR NEW.policy NOT IN ({POLICIES})
BEGIN {_abort("ck_account_open")}; END""",
    ),
    "transfer": (
        f"""CREATE TRIGGER transfer_sides BEFORE INSERT ON transfer WHEN NOT ({_SIDES})
BEGIN {_abort(SIDES)}; END""",
        f"""CREATE TRIGGER transfer_lines BEFORE INSERT ON transfer WHEN NOT ({_IN_ORDER})
BEGIN {_abort(LINES)}; END""",
        # Most journals have one line: they are posted without adding up.
        f"""CREATE TRIGGER transfer_post AFTER INSERT ON transfer
WHEN NEW.line = 0 AND {_LINE_COUNT.format("journal")} = 1
BEGIN
  UPDATE account SET last_journal = NEW.journal, debits = debits + (id = NEW.dr) * NEW.amount,
    credits = credits + (id = NEW.cr) * NEW.amount
  WHERE id IN (NEW.dr, NEW.cr);
END""",
        f"""CREATE TRIGGER transfer_post_many AFTER INSERT ON transfer
WHEN NEW.line > 0 AND NEW.line = {_LINE_COUNT.format("journal")} - 1
BEGIN
  UPDATE account SET last_journal = NEW.journal, debits = account.debits + s.debits,
    credits = account.credits + s.credits
  FROM (
    SELECT id, sum(debit) AS debits, sum(credit) AS credits FROM (
      SELECT dr AS id, amount AS debit, 0 AS credit {_OF_NEW}
      UNION ALL SELECT cr, 0, amount {_OF_NEW}
    ) GROUP BY id
  ) AS s WHERE account.id = s.id;
END""",
    ),
    "reversal": (
        f"""CREATE TRIGGER reversal_mirror AFTER INSERT ON reversal
WHEN EXISTS (SELECT 1 FROM journal WHERE id = NEW.journal AND fact_seq IS NOT NULL)
  OR EXISTS (SELECT 1 FROM reversal WHERE journal = NEW.reverses)
  OR NOT EXISTS (SELECT 1 FROM transfer WHERE journal = NEW.journal)
  OR EXISTS ({_OTHERS.format(own="journal", other="reverses")})
  OR EXISTS ({_OTHERS.format(own="reverses", other="journal")})
BEGIN {_abort(MIRROR)}; END""",
    ),
    "hold": (
        f"""CREATE TRIGGER hold_sides BEFORE INSERT ON hold WHEN NOT ({_SIDES})
BEGIN {_abort("fk_hold_asset")}; END""",
        """CREATE TRIGGER hold_post AFTER INSERT ON hold
BEGIN UPDATE account SET held = held + NEW.amount WHERE id = NEW.dr; END""",
    ),
    "hold_end": (
        f"""CREATE TRIGGER hold_end_time BEFORE INSERT ON hold_end WHEN CASE NEW.outcome
  WHEN 'posted' THEN NEW.recorded_at >= (SELECT expires_at FROM hold WHERE id = NEW.hold)
  WHEN 'expired' THEN NEW.recorded_at < (SELECT expires_at FROM hold WHERE id = NEW.hold) END
BEGIN {_abort(HOLD_TIME)}; END""",
        """CREATE TRIGGER hold_end_post AFTER INSERT ON hold_end
BEGIN UPDATE account SET held = held - (SELECT amount FROM hold WHERE id = NEW.hold)
  WHERE id = (SELECT dr FROM hold WHERE id = NEW.hold); END""",
    ),
}


def sqlite_triggers(table: str) -> tuple[str, ...]:
    """Statements that make the triggers of a table."""
    return _SQLITE.get(table, ())
