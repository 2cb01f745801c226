-- People of the company and affiliates: who may sign in, with what, and what they did.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is insert-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

create table affiliates (
    id uuid primary key,
    email text not null check (email = lower(email)),
    name text not null,
    status text not null check (status in ('invited', 'active', 'suspended')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index affiliates_email_key on affiliates (email);

-- An affiliate's sign-in is a user with role `affiliate`; one e-mail may be both a colleague and an affiliate.
create table users (
    id uuid primary key,
    email text not null check (email = lower(email)),
    role text not null check (role in ('owner', 'finance', 'viewer', 'affiliate')),
    affiliate_id uuid references affiliates (id),
    password_hash text,
    created_at timestamptz not null,
    disabled_at timestamptz,
    last_signed_in_at timestamptz,
    constraint users_affiliate_check check ((role = 'affiliate') = (affiliate_id is not null))
);
create unique index users_company_email_key on users (email) where role <> 'affiliate';
create unique index users_affiliate_email_key on users (email) where role = 'affiliate';
create unique index users_affiliate_id_key on users (affiliate_id) where affiliate_id is not null;

-- One-time links: only the SHA-256 of the token is kept.
create table password_tokens (
    token_hash bytea primary key,
    user_id uuid not null references users (id),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);

-- Keyed by the SHA-256 of the session id, so that a copy of the table opens no session.
create table sessions (
    id_hash bytea primary key,
    user_id uuid references users (id),
    data jsonb not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index sessions_user_id_idx on sessions (user_id);
create index sessions_expires_at_idx on sessions (expires_at);

-- Failed sign-ins per e-mail and per address; a row is replaced when its window is over.
create table sign_in_throttle (
    key text primary key,
    failures integer not null,
    window_started_at timestamptz not null
);

create table api_keys (
    id uuid primary key,
    name text not null,
    scope text not null check (scope in ('read', 'write', 'payouts')),
    key_hash bytea not null unique,
    last_four text not null,
    created_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz
);

create table affiliate_tokens (
    token_hash bytea primary key,
    affiliate_id uuid not null references affiliates (id),
    created_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz
);

-- What a repeated POST with the same Idempotency-Key answers.
create table api_idempotency (
    owner text not null,
    idempotency_key text not null,
    request_hash bytea not null,
    response_status smallint,
    response_body jsonb,
    created_at timestamptz not null,
    primary key (owner, idempotency_key)
);

create table audit_log (
    id uuid primary key,
    at timestamptz not null,
    actor text not null,
    action text not null,
    object_type text not null,
    object_id text not null,
    details jsonb not null default '{}'
);
create index audit_log_object_idx on audit_log (object_type, object_id, at);
create trigger audit_log_insert_only before update or delete on audit_log for each row execute function refuse_change();
create trigger audit_log_no_truncate before truncate on audit_log for each statement execute function refuse_change();
