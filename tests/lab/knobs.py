"""What a test may bend in Nova's part. Each compute has its own; the defaults are Nova's behaviour."""

from dataclasses import dataclass, field


@dataclass
class Knobs:
    delay_s: dict = field(default_factory=dict)  # step name -> seconds before it: see Compute
    held: set = field(default_factory=set)  # names of steps that wait until a test takes them out
    refuse: str = ""  # destination: check_can_live_migrate_destination raises MigrationPreCheckError with it
    refuse_pre: str = ""  # destination: pre_live_migration raises
    never_start_job: bool = False  # source: "running" is saved, but libvirt is never asked to migrate
    lose_cast: bool = False  # conductor: live_migration is never sent
    duplicate_cast: bool = False  # conductor: live_migration is sent twice (with another _unique_id)
    post_copy: bool = False  # [libvirt] live_migration_permit_post_copy
    auto_converge: bool = False  # [libvirt] live_migration_permit_auto_converge
    bandwidth_mib_s: int = 0  # [libvirt] live_migration_bandwidth
    downtime_ms: int = 500  # [libvirt] live_migration_downtime
    downtime_steps: int = 10
    downtime_delay_s: int = 75
    max_concurrent: int = 1  # [DEFAULT] max_concurrent_live_migrations; read when the compute starts
