//! Timeouts: all at once, and each.

use std::time::Duration;

use super::FlowSourceBuilder;
use crate::table::Timeouts;

impl FlowSourceBuilder {
    /// All timeouts at once: change fields of [`Timeouts::default`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::{FlowSource, Timeouts};
    ///
    /// let mut timeouts = Timeouts::default();
    /// timeouts.udp = Duration::from_secs(10);
    /// let builder = FlowSource::builder().timeouts(timeouts);
    /// assert_eq!(builder.get_timeouts(), timeouts);
    /// ```
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options.timeouts = timeouts;
        self
    }

    /// The interval between two records of a flow that lasts. For totals every 5 s, set 5 s. Default: 60 s. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().active_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().active, Duration::from_secs(7));
    /// ```
    pub fn active_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.active = timeout;
        self
    }

    /// TCP flows end after this long without a packet. Default: 20 s; 5 s after a RST or FINs of both sides, 120 s after that of
    /// one. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tcp_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().tcp, Duration::from_secs(7));
    /// ```
    pub fn tcp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp = timeout;
        self
    }

    /// TCP flows that saw FINs of both sides end after this long without a packet. Default: 5 s. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tcp_fin_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().tcp_fin, Duration::from_secs(7));
    /// ```
    pub fn tcp_fin_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_fin = timeout;
        self
    }

    /// TCP flows that saw a FIN of one side end after this long without a packet. Default: 120 s, see
    /// [`Timeouts::tcp_half_closed`]. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tcp_half_closed_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().tcp_half_closed, Duration::from_secs(7));
    /// ```
    pub fn tcp_half_closed_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_half_closed = timeout;
        self
    }

    /// TCP flows that saw a RST, and those of SCTP and DCCP that saw the end of their connection, end after this long without a
    /// packet. Default: 5 s. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().tcp_rst_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().tcp_rst, Duration::from_secs(7));
    /// ```
    pub fn tcp_rst_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_rst = timeout;
        self
    }

    /// UDP flows end after this long without a packet. Default: 60 s. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().udp_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().udp, Duration::from_secs(7));
    /// ```
    pub fn udp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.udp = timeout;
        self
    }

    /// ICMP and ICMPv6 flows end after this long without a packet. Default: 10 s. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().icmp_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().icmp, Duration::from_secs(7));
    /// ```
    pub fn icmp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.icmp = timeout;
        self
    }

    /// Flows of other protocols end after this long without a packet. Default: 30 s. Above zero.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use mermin_core::FlowSource;
    ///
    /// let builder = FlowSource::builder().other_timeout(Duration::from_secs(7));
    /// assert_eq!(builder.get_timeouts().other, Duration::from_secs(7));
    /// ```
    pub fn other_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.other = timeout;
        self
    }
}
