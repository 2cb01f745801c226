-- Credited sales that earn nothing, each with the explanation that a line would have had. A row is written where the
-- lines of a sale should sum to zero and there are none, is renewed while that changes, and goes when a line comes.

create table zero_earnings (
    id uuid primary key,
    sale_id uuid not null unique references sales (id),
    enrollment_id uuid not null references enrollments (id),
    campaign_id uuid not null references campaigns (id),
    -- As `explanation` of a line, with `earns_nothing_because`.
    explanation jsonb not null,
    created_at timestamptz not null
);
create index zero_earnings_enrollment_idx on zero_earnings (enrollment_id, id);
