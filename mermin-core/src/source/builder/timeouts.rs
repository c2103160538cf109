//! Timeouts: all at once, and one by one.

use std::time::Duration;

use super::FlowSourceBuilder;
use crate::table::Timeouts;

impl FlowSourceBuilder {
    /// Sets all timeouts at once: change fields of [`Timeouts::default`].
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

    /// Sets the interval between two records of a flow that continues. For totals every 5 s, set 5 s. Default: 60 s.
    /// Above zero.
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

    /// Sets how long a TCP flow lasts without a packet. Default: 20 s. After a FIN or RST, the timeouts for these apply
    /// instead: by default 5 s after a RST or FINs of both sides, 120 s after a FIN of one side. Above zero.
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

    /// Sets how long a TCP flow lasts without a packet after FINs of both sides. Default: 5 s. Above zero.
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

    /// Sets how long a TCP flow lasts without a packet after a FIN of one side. Default: 120 s, see
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

    /// Sets how long a flow lasts without a packet after a RST of TCP, or after the end of an SCTP or DCCP
    /// connection. Default: 5 s. Above zero.
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

    /// Sets how long a UDP flow lasts without a packet. Default: 60 s. Above zero.
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

    /// Sets how long an ICMP or ICMPv6 flow lasts without a packet. Default: 10 s. Above zero.
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

    /// Sets how long a flow of another protocol lasts without a packet. Default: 30 s. Above zero.
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
