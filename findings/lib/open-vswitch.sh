# Sourced by the findings on Open vSwitch: a bridge in user space, $bridge, whose two ports p1 and p2 exist in the switch alone.

debian openvswitch-switch=3.1.0-2+deb12u1 openvswitch-common=3.1.0-2+deb12u1

# vsctl WORD ..: changes the switch's configuration and waits until it is in force.
vsctl() {
    ovs-vsctl --db="unix:$work/ovs.sock" --timeout=30 "$@" >/dev/null
}

# gives PORT: the frames on standard input, a line of hexadecimal digits each, arrive at that port.
gives() {
    local frame
    while read -r frame; do
        ovs-appctl -t "$work/ovs.ctl" netdev-dummy/receive "$1" "$frame" >/dev/null
    done
}

export OVS_RUNDIR="$work" OVS_LOGDIR="$work" OVS_DBDIR="$work" OVS_SYSCONFDIR="$work"
bridge=br0
ovsdb-tool create "$work/ovs.db" "$work/root/usr/share/openvswitch/vswitch.ovsschema"
background ovsdb-server "$work/ovs.db" --remote="punix:$work/ovs.sock" --unixctl="$work/ovsdb.ctl"
until_true 10 test -S "$work/ovs.sock"
background "$work/root/usr/lib/openvswitch-switch/ovs-vswitchd" "unix:$work/ovs.sock" --enable-dummy=override --disable-system --unixctl="$work/ovs.ctl"
until_true 10 test -S "$work/ovs.ctl"
vsctl add-br "$bridge" -- set bridge "$bridge" datapath-type=dummy -- add-port "$bridge" p1 -- set interface p1 type=dummy \
    -- add-port "$bridge" p2 -- set interface p2 type=dummy
