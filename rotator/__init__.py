"""rotator keeps VPS.org servers restorable: named snapshots on cron schedules, the oldest deleted."""

__version__ = "0.1.0"
