"""Information for staff: incidents and their mails, wrong proxy settings, and the merchant's reports."""
