"""A blog: people sign in, write posts, comment on them, and see who is typing."""

import os

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)
from flask_socketio import SocketIO, emit, join_room
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from notifier import Notifier

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY", "for a look around only"),
    SQLALCHEMY_DATABASE_URI=os.environ.get("DATABASE_URL", "sqlite:///blog.db"),
)
db = SQLAlchemy(app)
login_manager = LoginManager(app)
login_manager.login_view = "sign_in"
CSRFProtect(app)
socketio = SocketIO(app, async_mode="threading")
notifier = Notifier(
    app, socketio=socketio, session=db.session, identify=lambda: current_user.get_id()
)


class User(UserMixin, db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]


class Post(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    title: Mapped[str]
    text: Mapped[str]
    author: Mapped[User] = relationship()
    comments: Mapped[list["Comment"]] = relationship(order_by="Comment.id")


class Comment(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    post_id: Mapped[int] = mapped_column(ForeignKey(Post.id))
    author_id: Mapped[int] = mapped_column(ForeignKey(User.id))
    text: Mapped[str]
    author: Mapped[User] = relationship()


@login_manager.user_loader
def load_user(user_id):
    return db.session.get(User, int(user_id))


@app.get("/")
def posts():
    newest = db.session.scalars(select(Post).order_by(Post.id.desc()))
    return render_template("posts.html", posts=newest)


@app.post("/")
@login_required
def publish():
    title, text = request.form["title"], request.form["text"]
    post = Post(author_id=current_user.id, title=title, text=text)
    db.session.add(post)
    db.session.commit()
    return redirect(url_for("read", post_id=post.id))


@app.get("/<int:post_id>")
def read(post_id):
    return render_template("post.html", post=db.get_or_404(Post, post_id))


@app.post("/<int:post_id>")
@login_required
def comment(post_id):
    post = db.get_or_404(Post, post_id)
    post.comments.append(Comment(author_id=current_user.id, text=request.form["text"]))
    if post.author_id != current_user.id:
        text = f"{current_user.name} commented on “{post.title[:100]}”."
        notifier.send(post.author_id, text, sender=current_user.id)
    db.session.commit()
    return redirect(url_for("read", post_id=post.id))


@app.get("/inbox")
@login_required
def inbox():
    return render_template("inbox.html", messages=notifier.list_messages(current_user.id))


@app.post("/inbox")
@login_required
def mark_read():
    try:
        notifier.mark_read(current_user.id, up_to=float(request.form["up_to"]))
    except ValueError:
        abort(400)
    db.session.commit()
    return redirect(url_for("inbox"))


@app.route("/sign-in", methods=["GET", "POST"])
def sign_in():
    if request.method == "POST":
        user = db.session.scalar(select(User).filter_by(name=request.form["name"]))
        if user and check_password_hash(user.password, request.form["password"]):
            login_user(user)
            return redirect(url_for("posts"))
        flash("That name and that password do not belong together.")
    return render_template("sign_in.html")


@app.post("/sign-out")
def sign_out():
    logout_user()
    return redirect(url_for("posts"))


@socketio.on("connect")
def open_post(auth):
    names_a_post = isinstance(auth, dict) and isinstance(auth.get("post"), int)
    if names_a_post:
        join_room(f"post:{auth['post']}")
    return names_a_post


@socketio.on("typing")
def typing(post_id=None, *_):
    if current_user.is_authenticated:
        emit("typing", current_user.name, to=f"post:{post_id}", include_self=False)


with app.app_context():
    db.create_all()
    notifier.create_tables()
    if not db.session.scalar(select(User)):
        alice, bob = (User(name=n, password=generate_password_hash(n)) for n in ("alice", "bob"))
        db.session.add_all([bob, Post(author=alice, title="Hello", text="This is my blog.")])
        db.session.commit()
