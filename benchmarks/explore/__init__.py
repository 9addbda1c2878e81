"""What explore finds, beside as many points that are drawn at random: MLPerf Tiny's keyword spotting on an ECP5 25k."""
