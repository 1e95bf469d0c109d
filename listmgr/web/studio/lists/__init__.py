"""Lists, purposes and sign-up forms in the studio."""
