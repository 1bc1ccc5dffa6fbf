"""What owners of other doors complain of (docs/complaints.md), each shown not to be so here."""
