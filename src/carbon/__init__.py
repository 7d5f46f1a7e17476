"""Carbon Inclusion 碳普惠: avoided CO2 of second-hand goods, accountable to the gram."""
