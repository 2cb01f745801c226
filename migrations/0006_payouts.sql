-- Payment methods, payout batches, items and every try at a transfer.

create table payment_methods (
    id uuid primary key,
    affiliate_id uuid not null references affiliates (id),
    type text not null check (type in ('stripe_connect', 'paypal', 'ach', 'wire', 'external')),
    status text not null check (status in ('pending', 'verified', 'restricted')),
    stripe_account text unique,
    -- Taken before the account is made, so that a lost answer never makes two accounts.
    account_key text not null unique,
    -- What the rail last said: capabilities, payouts_enabled, requirements.
    details jsonb not null default '{}',
    created_at timestamptz not null,
    checked_at timestamptz,
    verified_at timestamptz,
    removed_at timestamptz
);
create unique index payment_methods_one_connect_key on payment_methods (affiliate_id)
    where type = 'stripe_connect' and removed_at is null;
create index payment_methods_affiliate_id_idx on payment_methods (affiliate_id);

create table payout_batches (
    id uuid primary key,
    program_id uuid not null references programs (id),
    period text,
    status text not null check (status in ('draft', 'approved', 'executing', 'paused', 'completed', 'cancelled')),
    drafted_at timestamptz not null,
    drafted_by text not null,
    approved_at timestamptz,
    approved_by text,
    executed_at timestamptz,
    completed_at timestamptz,
    cancelled_at timestamptz,
    cancelled_by text,
    -- Why an executing batch stands still: for the program, and in words.
    paused_code text check (paused_code in ('balance_insufficient', 'idempotency_mismatch', 'unauthorized', 'stopped')),
    paused_reason text,
    -- The rail's available balance at drafting, [{currency, amount}], or null when it could not be read.
    available_at_draft jsonb,
    manifest_hash bytea not null check (octet_length(manifest_hash) = 32),
    constraint payout_batches_paused_check check ((status = 'paused') = (paused_code is not null))
);
create index payout_batches_program_id_idx on payout_batches (program_id, drafted_at desc);
create index payout_batches_open_idx on payout_batches (status) where status in ('executing', 'paused');

create table payout_items (
    enrollment_id uuid not null references enrollments (id),
    id uuid not null,
    batch_id uuid not null references payout_batches (id),
    program_id uuid not null references programs (id),
    affiliate_id uuid not null references affiliates (id),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    amount_minor bigint not null check (amount_minor > 0),
    payment_method_id uuid not null references payment_methods (id),
    rail text not null check (rail in ('stripe_connect', 'paypal', 'ach', 'wire', 'external')),
    destination text not null,
    idempotency_key text not null,
    retry_of uuid,
    created_at timestamptz not null,
    status text not null check (status in ('pending', 'sending', 'posted', 'failed', 'processing', 'unresolved', 'reversed')),
    lease_owner uuid,
    lease_until timestamptz,
    next_attempt_at timestamptz not null,
    attempts integer not null default 0,
    -- When the rail may first have seen the key: the key's age is counted from here (business time).
    first_sent_at timestamptz,
    transfer_id text,
    reversed_minor bigint not null default 0 check (reversed_minor between 0 and amount_minor),
    error_code text,
    error_message text,
    posted_at timestamptz,
    failed_at timestamptz,
    primary key (enrollment_id, id),
    constraint payout_items_posted_check check (status not in ('posted', 'reversed') or transfer_id is not null)
);
create index payout_items_id_idx on payout_items (id);
create unique index payout_items_key_key on payout_items (enrollment_id, idempotency_key);
create unique index payout_items_retry_of_key on payout_items (enrollment_id, retry_of) where retry_of is not null;
create index payout_items_transfer_idx on payout_items (transfer_id) where transfer_id is not null;
create index payout_items_batch_idx on payout_items (batch_id, id);
create index payout_items_due_idx on payout_items (next_attempt_at) where status in ('pending', 'sending', 'processing', 'unresolved');
create index payout_items_affiliate_idx on payout_items (affiliate_id, id desc);

create function payout_item_moves() returns trigger language plpgsql as $$
begin
    if (new.enrollment_id, new.id, new.batch_id, new.program_id, new.affiliate_id, new.currency, new.amount_minor,
        new.payment_method_id, new.rail, new.destination, new.idempotency_key, new.created_at)
        is distinct from
       (old.enrollment_id, old.id, old.batch_id, old.program_id, old.affiliate_id, old.currency, old.amount_minor,
        old.payment_method_id, old.rail, old.destination, old.idempotency_key, old.created_at)
       or new.retry_of is distinct from old.retry_of
    then
        raise exception 'payout item % never changes what it pays', old.id using errcode = 'integrity_constraint_violation';
    end if;
    if new.status <> old.status and not (
        (old.status = 'pending' and new.status = 'sending')
        or (old.status = 'sending' and new.status in ('pending', 'posted', 'failed', 'processing', 'unresolved'))
        or (old.status in ('processing', 'unresolved') and new.status in ('posted', 'failed'))
        or (old.status = 'posted' and new.status = 'reversed'))
    then
        raise exception 'payout item % can''t go from % to %', old.id, old.status, new.status
            using errcode = 'integrity_constraint_violation';
    end if;
    if old.transfer_id is not null and new.transfer_id is distinct from old.transfer_id then
        raise exception 'payout item % has its transfer', old.id using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger payout_items_moves before update on payout_items for each row execute function payout_item_moves();
create trigger payout_items_no_delete before delete on payout_items for each row execute function refuse_change();
create trigger payout_items_no_truncate before truncate on payout_items for each statement execute function refuse_change();

-- Which lines an item pays; a line of a failed item may stand in a later item too.
create table payout_item_lines (
    enrollment_id uuid not null,
    item_id uuid not null,
    line_id uuid not null,
    amount_minor bigint not null,
    primary key (enrollment_id, item_id, line_id),
    foreign key (enrollment_id, item_id) references payout_items (enrollment_id, id),
    foreign key (enrollment_id, line_id) references commissions_ledger (enrollment_id, id)
);
create index payout_item_lines_line_idx on payout_item_lines (enrollment_id, line_id);
create trigger payout_item_lines_insert_only before update or delete on payout_item_lines for each row execute function refuse_change();

-- Written before the call; finished once, after it. An attempt without an end is a call nobody saw end.
create table transfer_attempts (
    enrollment_id uuid not null,
    item_id uuid not null,
    n integer not null check (n >= 1),
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text check (outcome in ('posted', 'failed', 'not_executed', 'unknown', 'balance_insufficient', 'processing')),
    http_status smallint,
    error_code text,
    error_message text,
    primary key (enrollment_id, item_id, n),
    foreign key (enrollment_id, item_id) references payout_items (enrollment_id, id)
);
create function transfer_attempt_ends_once() returns trigger language plpgsql as $$
begin
    if old.finished_at is not null or (new.enrollment_id, new.item_id, new.n, new.started_at)
        is distinct from (old.enrollment_id, old.item_id, old.n, old.started_at) then
        raise exception 'a transfer attempt is finished once' using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end $$;
create trigger transfer_attempts_end_once before update on transfer_attempts for each row execute function transfer_attempt_ends_once();
create trigger transfer_attempts_no_delete before delete on transfer_attempts for each row execute function refuse_change();

create table payout_skipped (
    enrollment_id uuid not null references enrollments (id),
    batch_id uuid not null references payout_batches (id),
    currency text not null check (currency ~ '^[a-z]{3}$'),
    reason text not null check (reason in ('below_minimum', 'no_payment_method', 'onboarding_incomplete', 'on_hold', 'negative_balance', 'cooling_off', 'affiliate_inactive', 'left_out')),
    amount_minor bigint not null,
    primary key (enrollment_id, batch_id, currency)
);
create index payout_skipped_batch_idx on payout_skipped (batch_id);
create trigger payout_skipped_insert_only before update or delete on payout_skipped for each row execute function refuse_change();

-- Token buckets shared by all processes; `refilled_at` is the database's clock.
create table rate_buckets (
    name text primary key,
    tokens double precision not null,
    per_second double precision not null check (per_second > 0),
    refilled_at timestamptz not null
);
