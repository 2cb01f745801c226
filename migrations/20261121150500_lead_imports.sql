-- Files of leads that people upload: shown first, entered once.

create table lead_imports (
    id uuid primary key,
    created_by text not null,
    file text not null,
    created_at timestamptz not null,
    applied_at timestamptz,
    -- What became of each row.
    outcome jsonb,
    constraint lead_imports_applied_check check ((applied_at is null) = (outcome is null))
);

-- Sales that somebody can do something about: the navigation counts them.
create index sales_to_mend_idx on sales (id desc)
    where unattributed_reason is not null
        and unattributed_reason not in ('no_code', 'nothing_collected', 'awaiting_details');
