-- The books. Lines are what a person reads; transactions and entries underneath prove them. All of it only grows.

create table commissions_ledger (
    enrollment_id uuid not null references enrollments (id),
    id uuid not null,
    program_id uuid not null references programs (id),
    affiliate_id uuid not null references affiliates (id),
    campaign_id uuid references campaigns (id),
    rule_version_id uuid references rule_versions (id),
    conversion_id uuid references conversions (id),
    sale_id uuid references sales (id),
    kind text not null check (kind in ('commission', 'correction', 'clawback', 'recredit', 'bonus', 'adjustment')),
    amount_minor bigint not null,
    currency text not null check (currency ~ '^[a-z]{3}$'),
    reason text not null,
    corrects uuid,
    -- The item whose transfer was reversed, when that is why the line exists.
    reversed_item_id uuid,
    explanation jsonb not null default '{}',
    cause text not null,
    matures_at timestamptz not null,
    created_at timestamptz not null,
    status text not null check (status in ('pending', 'approved', 'on_hold', 'finalized', 'paid', 'cancelled')),
    held_from text check (held_from in ('pending', 'approved')),
    payout_item_id uuid,
    approved_at timestamptz,
    finalized_at timestamptz,
    paid_at timestamptz,
    cancelled_at timestamptz,
    primary key (enrollment_id, id),
    constraint commissions_ledger_held_check check ((status = 'on_hold') = (held_from is not null)),
    constraint commissions_ledger_item_check check (payout_item_id is null or status in ('finalized', 'paid'))
);
create index commissions_ledger_id_idx on commissions_ledger (id);
create unique index commissions_ledger_one_commission_key on commissions_ledger (enrollment_id, conversion_id) where kind = 'commission';
create index commissions_ledger_maturing_idx on commissions_ledger (matures_at) where status = 'pending';
create index commissions_ledger_payable_idx on commissions_ledger (program_id, enrollment_id, currency)
    where status in ('approved', 'finalized') and payout_item_id is null;
create index commissions_ledger_item_idx on commissions_ledger (enrollment_id, payout_item_id) where payout_item_id is not null;
create index commissions_ledger_sale_idx on commissions_ledger (sale_id);
create index commissions_ledger_affiliate_idx on commissions_ledger (affiliate_id, id desc);

create function commission_line_moves() returns trigger language plpgsql as $$
begin
    if (new.enrollment_id, new.id, new.program_id, new.affiliate_id, new.kind, new.amount_minor, new.currency, new.reason,
        new.explanation, new.cause, new.matures_at, new.created_at)
        is distinct from
       (old.enrollment_id, old.id, old.program_id, old.affiliate_id, old.kind, old.amount_minor, old.currency, old.reason,
        old.explanation, old.cause, old.matures_at, old.created_at)
       or (new.campaign_id, new.rule_version_id, new.conversion_id, new.sale_id, new.corrects, new.reversed_item_id)
        is distinct from
       (old.campaign_id, old.rule_version_id, old.conversion_id, old.sale_id, old.corrects, old.reversed_item_id)
    then
        raise exception 'commission line % never changes; write a line that corrects it', old.id
            using errcode = 'integrity_constraint_violation';
    end if;
    if new.status <> old.status and not (
        (old.status = 'pending' and new.status in ('approved', 'on_hold', 'cancelled'))
        or (old.status = 'approved' and new.status in ('finalized', 'on_hold', 'cancelled'))
        or (old.status = 'on_hold' and new.status in (old.held_from, 'cancelled'))
        or (old.status = 'finalized' and new.status = 'paid'))
    then
        raise exception 'commission line % can''t go from % to %', old.id, old.status, new.status
            using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger commissions_ledger_moves before update on commissions_ledger for each row execute function commission_line_moves();
create trigger commissions_ledger_no_delete before delete on commissions_ledger for each row execute function refuse_change();
create trigger commissions_ledger_no_truncate before truncate on commissions_ledger for each statement execute function refuse_change();

-- Numbered per line, because two processes' clocks may disagree about what came last.
create table commission_line_history (
    enrollment_id uuid not null,
    line_id uuid not null,
    n integer not null check (n >= 1),
    from_status text,
    to_status text not null,
    at timestamptz not null,
    actor text not null,
    why text not null,
    primary key (enrollment_id, line_id, n)
);
create trigger commission_line_history_insert_only before update or delete on commission_line_history for each row execute function refuse_change();
create trigger commission_line_history_no_truncate before truncate on commission_line_history for each statement execute function refuse_change();

-- One chain per enrollment: `hash` is the SHA-256 of the content and of the hash before it.
create table ledger_transactions (
    enrollment_id uuid not null references enrollments (id),
    seq bigint not null check (seq >= 1),
    id uuid not null,
    kind text not null check (kind in ('accrue', 'mature', 'hold', 'release', 'cancel', 'clawback', 'recredit', 'reserve', 'settle', 'return', 'reverse')),
    cause text not null,
    idempotency_key text not null,
    line_id uuid,
    item_id uuid,
    posted_at timestamptz not null,
    prev_hash bytea not null check (octet_length(prev_hash) = 32),
    hash bytea not null check (octet_length(hash) = 32),
    primary key (enrollment_id, seq),
    unique (enrollment_id, idempotency_key)
);
create index ledger_transactions_id_idx on ledger_transactions (id);
create index ledger_transactions_item_idx on ledger_transactions (enrollment_id, item_id) where item_id is not null;
create trigger ledger_transactions_insert_only before update or delete on ledger_transactions for each row execute function refuse_change();
create trigger ledger_transactions_no_truncate before truncate on ledger_transactions for each statement execute function refuse_change();

create table ledger_entries (
    enrollment_id uuid not null,
    seq bigint not null,
    n smallint not null,
    account text not null,
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null,
    primary key (enrollment_id, seq, n),
    foreign key (enrollment_id, seq) references ledger_transactions (enrollment_id, seq)
);
create trigger ledger_entries_insert_only before update or delete on ledger_entries for each row execute function refuse_change();
create trigger ledger_entries_no_truncate before truncate on ledger_entries for each statement execute function refuse_change();

-- The head of each chain. Its row is the lock that orders an enrollment's postings.
create table ledger_chains (
    enrollment_id uuid primary key references enrollments (id),
    seq bigint not null,
    hash bytea not null check (octet_length(hash) = 32)
);

create table balances (
    enrollment_id uuid not null references enrollments (id),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    pending_minor bigint not null default 0,
    held_minor bigint not null default 0,
    payable_minor bigint not null default 0,
    in_transit_minor bigint not null default 0 check (in_transit_minor >= 0),
    paid_minor bigint not null default 0,
    updated_at timestamptz not null,
    primary key (enrollment_id, currency)
);
