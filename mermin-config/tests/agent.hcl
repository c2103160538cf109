log_level        = "info"
auto_reload      = false
shutdown_timeout = "5s"

packet_worker_count = 2

pipeline {
  flow_capture {
    flow_stats_capacity  = 100000
    flow_events_capacity = 1024
  }
  flow_producer {
    workers                  = 4
    worker_queue_capacity    = 2048
    flow_store_poll_interval = "5s"
    flow_span_queue_capacity = 16384
  }
  k8s_decorator {
    threads                       = 4
    decorated_span_queue_capacity = 32768
  }
}

parser {
  geneve_port      = 6081
  max_header_depth = 6
}

discovery "instrument" {
  interfaces  = ["veth*", "tunl*", "cali*"]
  tc_priority = 1
  tcx_order   = "first"
}

discovery "informer" "k8s" {
  kubeconfig_path         = ""
  informers_sync_timeout  = "30s"
  informers_resync_period = "5s"
  selectors = [
    { kind = "Service" }, { kind = "Daemonset" },
    {
      namespaces = ["loggers"]
      kind       = "gateway"
      include    = false
      match_labels = {
        operated-prometheus = "true"
      }
      match_expressions = [{
        key      = "env"
        operator = "in"
        values   = ["dev", "stage"]
      }]
    },
  ]
  owner_relations = {
    max_depth     = 5
    include_kinds = ["Service"]
    exclude_kinds = ["EndpointSlice"]
  }
  selector_relations = [
    {
      kind                        = "Service"
      to                          = "Pod"
      selector_match_labels_field = "spec.selector"
    },
  ]
}

attributes "source" "k8s" {
  extract {
    metadata = ["[*].metadata.name"]
    label {
      from      = "service"
      key_regex = "kubernetes.io/(.*)"
      attribute = "$1"
    }
    label {
      from     = "service"
      key      = "kubernetes.io/name"
      tag_name = "name"
    }
  }
  association {
    pod = {
      sources = [
        { from = "source.ip", to = ["status.podIP", "status.podIPs[*]"] },
        { from = "flow", name = "source.port", to = ["spec.containers[*].ports[*].containerPort"] },
      ]
    }
  }
}

filter "source" {
  address = {
    match     = []
    not_match = ["10.0.0.0/24"]
  }
  port = {
    match = ["443", "8000-9000"]
  }
}

filter "network" {
  transport = { match = ["tcp", "icmpv6"], not_match = [] }
}

span {
  max_record_interval        = "60s"
  trace_id_timeout           = "24h"
  enable_hostname_resolution = true
}

export "traces" {
  stdout = {
    format = "text_indent" // or another
  }
  otlp = {
    endpoint = "http://otelcol:4317"
    protocol = "grpc"
    auth = {
      basic = {
        user = "USERNAME"
        pass = env(OTLP_TOKEN)
      }
    }
    tls = {
      insecure_skip_verify = false
      ca_cert              = "/etc/certs/ca.crt"
      client_cert          = "/etc/certs/cert.crt"
      client_key           = "/etc/certs/cert.key"
    }
    headers = {
      "x-greptime-db-name" = "public"
    }
  }
}

internal "traces" {
  span_format = "full"
}

internal "metrics" {
  enabled          = true
  listen_address   = "0.0.0.0"
  port             = 10250
  stale_metric_ttl = "0s"
  histogram_buckets {
    mermin_export_batch_size = [10, 50.5, 100]
  }
}

internal "server" {
  enabled        = true
  listen_address = "0.0.0.0"
  port           = 8080
}
