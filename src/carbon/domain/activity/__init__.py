"""Activity data (活动数据): what a record holds, and what is wrong with one."""
