use mongo_lock_runtime::lock_names;

lock_names! {
    mod locks {
        Space = "nightly report";
        Empty = "", ttl = "5m";
        Twice = "import", ttl = "5m";
        TwiceAgain = "import";
        Twice = "other";
        nightly_report = "nightly";
        REPORT = "report";
        Unit = "unit", ttl = "5min";
        Client = "client", client = &CLIENT;
        Unknown = "unknown", retries = 3;
        Template = "invoice-{id}";
        Number = 5;
        NoRenewal = "no-renewal", ttl = "5m", max_hold = "2h";
    }
}

lock_names! {
    Report = "report";
}

fn main() {
    // Still there: one error each.
    let _ = (locks::Space, locks::Empty, locks::Twice, locks::Unit, locks::Template);
}
