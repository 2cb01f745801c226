//! The icons of the navigation and the mark, as inline SVG drawn for Purser. Decoration only: a word always stands beside.

use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Home,
    Payouts,
    People,
    Programs,
    Sales,
    Events,
    Code,
    Mail,
    Hold,
    Books,
    Settings,
    Earnings,
    Bell,
    Wallet,
    Unknown,
    Lead,
    Claim,
    Rehearsal,
    More,
}

fn path(which: Icon) -> &'static str {
    match which {
        Icon::Home => "M3 9.5 10 3.5l7 6M5 8.5V16h10V8.5",
        Icon::Payouts => "M3 6h14v9H3zM3 9h14M6 12.5h3",
        Icon::People => {
            "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2.5 16.5c.4-3 2.3-4.5 5-4.5s4.6 1.5 5 4.5M13 4a2.8 2.8 0 0 1 0 5.2M14.5 12.2c1.7.5 2.7 2 3 4.3"
        }
        Icon::Programs => "M3 10.5V4h6.5L17 11.5 11.5 17zM6.5 7.5h.01",
        Icon::Sales => "M4 3h12v14l-2.5-1.6L11 17l-2.5-1.6L6 17l-2-1.3zM7 7.5h6M7 11h4",
        Icon::Events => "M2.5 10.5h3l2.5-6 4 11 2.5-5h3",
        Icon::Code => "M7 5.5 2.5 10 7 14.5M13 5.5 17.5 10 13 14.5",
        Icon::Mail => "M3 5h14v10.5H3zM3.5 5.5 10 11l6.5-5.5",
        Icon::Hold => "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM8 7.5v5M12 7.5v5",
        Icon::Books => "M4 3.5h9.5a2 2 0 0 1 2 2v11H6a2 2 0 0 1-2-2zM4 14.5a2 2 0 0 1 2-2h9.5",
        Icon::Settings => {
            "M3.5 6h7M14.5 6h2M12.5 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM3.5 14h2M9.5 14h7M7.5 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z"
        }
        Icon::Earnings => "M3.5 16.5V11M8 16.5V7M12.5 16.5v-7M17 16.5V3.5",
        Icon::Bell => "M5 14V9a5 5 0 0 1 10 0v5l1.5 1.5h-13zM8.5 17.5h3",
        Icon::Wallet => "M3.5 5.5h11v2M3.5 5.5v10h13v-8h-13M13 11.5h.01",
        Icon::Unknown => {
            "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM7.8 7.8a2.2 2.2 0 1 1 3.1 2c-.6.3-.9.8-.9 1.5M10 14h.01"
        }
        Icon::Lead => {
            "M9 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM3.5 16.5c.5-3 2.6-4.5 5.5-4.5 1 0 1.9.2 2.7.5M15 11.5v5M12.5 14h5"
        }
        Icon::Claim => "M5 17.5V3M5 3.5h10l-2 3.5 2 3.5H5",
        Icon::Rehearsal => "M4 10a6 6 0 0 1 10.5-4M16 10a6 6 0 0 1-10.5 4M14.5 2.5V6H11M5.5 17.5V14H9",
        Icon::More => "M4 6h12M4 10h12M4 14h12",
    }
}

pub fn icon(which: Icon) -> AnyView {
    view! {
        <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">
            <path d=path(which)></path>
        </svg>
    }
    .into_any()
}

/// Purser's mark: a P whose foot is a coin slot.
pub fn mark(size: u16) -> AnyView {
    view! {
        <svg class="mark" width=size height=size viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" fill="#0b6b5e"></rect>
            <path d="M10 25V8h7.2a5.3 5.3 0 0 1 0 10.6H10" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"></path>
            <path d="M6.5 22.2h9" stroke="#9fe0d2" stroke-width="2.6" stroke-linecap="round"></path>
        </svg>
    }
    .into_any()
}
