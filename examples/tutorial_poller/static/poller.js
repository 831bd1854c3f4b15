$(function () {
  var since = 0;
  function poll() {
    $.getJSON("/notifications?since=" + since, function (notifications) {
      $.each(notifications, function (i, notification) {
        if (notification.name === "unread_message_count") {
          $("#unread").text(notification.data || "");
        }
        since = notification.timestamp;
      });
    });
  }
  poll();
  setInterval(poll, 5000);
});
