"""Pages of people, accounts and teams."""
