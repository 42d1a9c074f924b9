# The image of gio: one static binary and the CA bundle, nothing else. No shell, no user of its own: it starts as
# root, because the release jobs mount a checkout and a secrets file that belong to other users.
#
# The binary is built by make and copied, not compiled in a build stage: the image must also be built and tried
# where no base image can be pulled. With a container engine:
#
#     make image-files && docker build -t gio .
#
# `make image` does the same with buildah and runs the result as the release jobs do.
FROM scratch

COPY build/image/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY build/image/gio /gio

# Where the release jobs mount their checkout.
WORKDIR /graviteeio/cicd/pipeline

ENTRYPOINT ["/gio"]
