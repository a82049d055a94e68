"""What staff are told: incidents and their mails, health of the proxies, and the merchant's reports."""
