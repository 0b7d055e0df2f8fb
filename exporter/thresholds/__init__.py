"""The thresholds that alerts compare with: a shipped file, and what the API changed on top of it."""
