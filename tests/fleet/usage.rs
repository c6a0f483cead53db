//! What the broker uses, and percentiles.

/// Processor time in seconds and resident memory in MB of the broker that listens on `port`.
pub fn usage(port: u16) -> (f64, f64) {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let of_port = |id: &String| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let file = line.split_whitespace().find(|word| word.ends_with("mosquitto.conf")).map(str::to_owned);
        let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
        line.contains("mosquitto") && text.contains(&format!("listener {port} "))
    };
    let id = processes.filter_map(|entry| entry.file_name().into_string().ok()).find(of_port);
    let Some(id) = id else { return (0.0, 0.0) };
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    let kb: f64 = resident.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0.0);
    ((ticks(11) + ticks(12)) / 100.0, kb / 1024.0)
}

pub fn percentile(sorted: &[u32], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |us| f64::from(*us) / 1000.0)
}
